//! Something is supposed: it is what a fresh ledger decides that is asked and told the same, whatever
//! operators wrote meanwhile.

use std::collections::BTreeMap;

use flowguard::limits::ModelName;
use proptest::{collection::vec, option};

use super::{
    super::together::steps::{spec, step, who},
    history::history,
    reference::expected,
    *,
};

/// What is other than it was.
#[derive(Clone, Debug)]
enum Other {
    Nothing,
    Client(usize, Who),
    Limit(usize, Spec),
    /// A limit that is in force now, with other numbers.
    Renumbered(usize, Spec),
    Everything {
        specs: Vec<Spec>,
        are_on: [bool; 3],
        whos: [Option<Who>; 3],
    },
}

fn other() -> impl Strategy<Value = Other> {
    let limit = 0..LIMITS_MAX;
    let whos = [(); 3].map(|()| option::weighted(0.7, who()));
    prop_oneof![
        1 => Just(Other::Nothing),
        4 => (0..3_usize, who()).prop_map(|(client, who)| Other::Client(client, who)),
        3 => (limit.clone(), spec()).prop_map(|(limit, spec)| Other::Limit(limit, spec)),
        3 => (limit, spec()).prop_map(|(limit, spec)| Other::Renumbered(limit, spec)),
        4 => (specs(), any::<[bool; 3]>(), whos)
            .prop_map(|(specs, are_on, whos)| Other::Everything { specs, are_on, whos }),
    ]
}

impl Other {
    /// As an operator's draft of it is judged at the end of the story.
    fn judged(self, story: &Story) -> Supposed {
        match self {
            Self::Nothing => Supposed::Nothing,
            Self::Client(client, who) => Supposed::Client(who.to_config(IDS[client])),
            Self::Limit(limit, mut spec) => {
                spec.name = format!("l{limit}");
                let models = story.ledger.models();
                // A limit is for a configured model.
                spec.model =
                    spec.model.filter(|model| *model == "other" || models.get(model).is_some());
                let patterns = spec.model.and_then(|model| models.get(model).cloned());
                Supposed::Limit(spec.to_limit(), patterns)
            }
            Self::Renumbered(limit, spec) => {
                let mut rules = story.rules.clone();
                if rules.renumber(limit, spec.clone()) {
                    let mut renumbered = rules.specs[&limit].clone();
                    let before = &story.rules.specs[&limit];
                    (renumbered.model, renumbered.client) = (before.model, before.client);
                    (renumbered.group, renumbered.plan) = (before.group, before.plan);
                    return Self::Limit(limit, renumbered).judged(story);
                }
                Self::Limit(limit, spec).judged(story)
            }
            Self::Everything { specs, are_on, whos } => {
                let mut rules = RuleSet::of(specs);
                rules.are_on = are_on;
                let configured = IDS.iter().zip(whos);
                let configured = configured.filter_map(|(id, who)| Some(who?.to_config(id)));
                let always = always().into_iter().map(|(id, who)| who.to_config(&id));
                let always = always.filter(|_| story.given.has_always);
                Supposed::Everything {
                    limits: rules.in_force().iter().map(Spec::to_limit).collect(),
                    models: models(are_on),
                    clients: configured.chain(always).collect::<Vec<_>>().into(),
                }
            }
        }
    }
}

/// A clock that goes back is none that anything equals.
fn forward(steps: Vec<Step>) -> Vec<Step> {
    let forward = |step| match step {
        Step::ClockBack { ms } => Step::Wait { ms },
        other => other,
    };
    steps.into_iter().map(forward).collect()
}

/// Whether a limit is supposed for a model, which then is there all the time.
fn keeps_a_model(supposed: &Supposed) -> bool {
    matches!(supposed, Supposed::Limit(limit, _) if matches!(limit.matches.model, Some(ModelName::Named(_))))
}

fn check(given: Given, steps: Vec<Step>, others: Vec<Other>) -> Result<(), TestCaseError> {
    let mut story = Story::new(given);
    let steps = forward(steps);
    let has_other_models = steps.iter().any(|step| matches!(step, Step::PutModels { .. }));
    story.do_all(&steps);
    for other in others {
        let supposed = other.judged(&story);
        // Where the model was deleted meanwhile, other limits' buckets of it are new ones afterwards.
        if has_other_models && keeps_a_model(&supposed) {
            continue;
        }
        let preview = story.preview(&supposed);
        let clients = preview.clients.iter();
        let told = clients.map(|client| (client.client.to_string(), client.clone()));
        let told: BTreeMap<_, _> = told.collect();
        let expected = expected(&story, &preview, &supposed);
        prop_assert_eq!(told, expected, "{:?}", supposed);
        prop_assert_eq!(preview.is_cut, preview.decisions < story.asked.len() as u64);
    }
    story.check_repeated()?;
    Ok(())
}

fn of_any_kind() -> impl Strategy<Value = (Given, Vec<Step>, Vec<Other>)> {
    let steps = prop_oneof![1 => vec(step(), 1..300), 3 => history()];
    (given(Just(true)), steps, vec(other(), 3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_supposed_is_what_a_fresh_ledger_decides_whatever_was_written_meanwhile(
        (given, steps, others) in of_any_kind(),
    ) {
        check(given, steps, others)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    #[ignore = "takes minutes: 50,000 histories"]
    fn in_very_many_histories_it_is_what_a_fresh_ledger_decides(
        (given, steps, others) in of_any_kind(),
    ) {
        check(given, steps, others)?;
    }
}
