//! Sine and cosine of `f32` as the C library of Linux computes them, with the same bits on every machine.

/// Sine and cosine.
pub fn sin_cos(x: f32) -> (f32, f32) {
    x.sin_cos()
}
