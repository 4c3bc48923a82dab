//! Mock vendors, a load generator and the numbers we promise.
