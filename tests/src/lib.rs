//! What the whole-system tests share; the cases are in `tests/tests/`.

pub mod firmware;
pub mod qtest;

use std::path::PathBuf;

/// A path from the lab, by the name `pcclab env` prints it under.
///
/// # Panics
/// When it was not built: a part that cannot run is a failure, not a skip.
pub fn built(name: &str) -> PathBuf {
    pcclab::lab::paths().remove(name).unwrap_or_else(|| {
        panic!("{name} is not built: run the tests through make test")
    })
}
