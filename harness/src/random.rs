//! Chance with a seed that is printed.

/// Random numbers; a test that failed is run with them again by the seed that it printed.
pub fn with_a_new_seed() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}
