//! Rules, as real tools print them.
