//! Meters, prices and guards: what may an exchange cost, and what did it cost.
