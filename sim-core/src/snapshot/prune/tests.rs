//! The canary: a marker in every string field; only allow-listed ones survive.
