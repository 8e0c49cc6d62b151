//! Stores that do not keep a promise are found out.

use simulation::sharing::{Plan, Trouble, Without};

/// A run is enough in which it matters.
const SEEDS: u64 = 48;

#[track_caller]
fn check(trouble: Trouble, mutant: (&'static str, &'static str), says: &str) {
    let (from, _) = mutant;
    assert!(flowguard::store::shared::script::SCRIPT.contains(from), "{from} is in no script");
    for seed in 0..SEEDS {
        let plan = Plan { seed, planes: 3, trouble, without: Without::Closed };
        if let Err(violation) = simulation::run_mutant(plan, mutant) {
            assert!(violation.what.contains(says), "{violation}");
            return;
        }
    }
    panic!("{mutant:?} was not found out");
}

#[test]
fn a_store_that_does_not_merge_is_found_out() {
    check(
        Trouble::Promotion,
        ("elseif seen.epoch >= bucket.epoch then", "elseif false then"),
        "and not",
    );
}

#[test]
fn a_store_that_gives_back_twice_is_found_out() {
    check(
        Trouble::Calls,
        ("local was_open = worker.is_open[request]", "local was_open = true"),
        "and not",
    );
}

#[test]
fn a_store_that_goes_on_in_the_epoch_before_is_found_out() {
    check(Trouble::None, ("if epoch > bucket.epoch then", "if false then"), "and not");
}

#[test]
fn a_store_that_pays_a_new_epoch_back_what_the_one_before_was_charged_is_found_out() {
    check(
        Trouble::None,
        ("if was_open and epoch == buckets[bucket].epoch then", "if was_open then"),
        "and not",
    );
}

#[test]
fn a_store_that_hands_out_more_places_than_there_are_is_found_out() {
    check(
        Trouble::None,
        ("return word.is_news and word.place.taken < word.place.max", "return word.is_news"),
        "and not",
    );
}

#[test]
fn a_store_that_refills_twice_when_its_clock_was_set_back_is_found_out() {
    check(Trouble::Clock, ("  if elapsed <= 0 then return end\n", ""), "and not");
}
