//! Layers upon layers.
