//! Convergence policies: pure state machines, `observe(sample) -> actions`.
