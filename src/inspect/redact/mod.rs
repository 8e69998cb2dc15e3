//! Which values are secrets, and what is shown in their place.
