//! Routes, as real tools print them.
