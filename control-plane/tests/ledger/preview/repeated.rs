//! Nothing is supposed: every verdict is repeated, whoever asked and whatever operators wrote meanwhile.

use proptest::collection::vec;

use super::{super::together::steps::step, history::history, *};

fn check(given: Given, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut story = Story::new(given);
    for some in steps.chunks(50) {
        story.do_all(some);
        story.check_repeated()?;
    }
    Ok(())
}

fn of_any_kind() -> impl Strategy<Value = (Given, Vec<Step>)> {
    (given(any::<bool>()), prop_oneof![vec(step(), 50..300), history()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_verdict_is_repeated_whoever_asked_and_whatever_was_written(
        (given, steps) in of_any_kind(),
    ) {
        check(given, &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    #[ignore = "takes minutes: 50,000 histories"]
    fn in_very_many_histories_every_verdict_is_repeated((given, steps) in of_any_kind()) {
        check(given, &steps)?;
    }
}
