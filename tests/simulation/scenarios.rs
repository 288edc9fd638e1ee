//! What has been seen in the lab and in the field, by name.
