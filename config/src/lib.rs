//! The file as written becomes the house as checked; hot reload; secrets.
