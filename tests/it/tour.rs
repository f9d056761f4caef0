//! The README's ten minutes, block by block, as a new user would paste them.
