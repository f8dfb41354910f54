//! Devices of every kind, as real tools print them.
