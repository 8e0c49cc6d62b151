//! What is left of buckets that nobody asked of before an operator wrote: what is supposed begins with what
//! was there, and not with what the write made of it.

use super::{
    super::{
        together::spec::{Kind, Mode},
        world::{config, response},
    },
    reference::expected,
    *,
};

const HOUR_MS: u64 = 3_600_000;

fn given(kept: u64) -> Given {
    let (rpm, tpm) = (limit(1_000), limit(1_000_000));
    let policy =
        Policy { unknown_clients: UnknownClients::Shared { rpm, tpm }, ..Policy::default() };
    Given { policy, kept, specs: Vec::new(), has_always: true }
}

/// So many tokens a day.
fn a_day(name: &str, amount: u64, each: &[&'static str]) -> Spec {
    Spec {
        name: name.to_owned(),
        client: None,
        group: None,
        plan: None,
        model: None,
        each: each.to_vec(),
        kind: Kind::Tokens,
        amount,
        per_s: 86_400,
        burst: amount,
        mode: Mode::Enforce,
        trial: None,
    }
}

fn rules(specs: &[Spec], are_on: [bool; 3]) -> Write {
    Write::Rules(specs.iter().map(Spec::to_limit).collect(), models(are_on))
}

fn ask_for(story: &mut Story, client: &str, tokens: u64, model: Option<&'static str>) {
    story.ask(0, client, Tokens::new(tokens).ok(), RequestKind::Generates, model);
}

fn ask(story: &mut Story, client: &str, tokens: u64) {
    ask_for(story, client, tokens, None);
}

fn use_up(story: &mut Story, client: &str, tokens: u64, model: Option<&'static str>) {
    ask_for(story, client, 0, model);
    let end = End::Settled(response(Tokens::new(tokens).ok()));
    story.step(&Step::End { which: story.open.len() - 1, end });
}

/// One client has asked, and of that nothing is kept any more: others ask since.
fn one_was_there(write: &Write, of_one: impl Fn(&mut Story)) -> Story {
    let mut story = Story::new(given(200));
    for id in ["one", "other"] {
        story.write(Write::Configured(config(id, None, None)));
    }
    story.write(write.clone());
    of_one(&mut story);
    for _ in 0..210 {
        ask(&mut story, "other", 0);
        story.step(&Step::End { which: 0, end: End::Canceled });
    }
    story.set_clock(story.now + HOUR_MS);
    story
}

/// What is told is what a fresh ledger decides; how many of the first client's requests are refused.
fn check(story: &Story, supposed: &Supposed) -> u64 {
    let preview = story.preview(supposed);
    assert!(preview.is_cut);
    let expected = expected(story, &preview, supposed);
    for client in &preview.clients {
        assert_eq!(Some(client), expected.get(client.client.as_str()), "{supposed:?}");
    }
    story.check_repeated().unwrap();
    let one = preview.clients.iter().find(|client| client.client.as_str() == "one");
    one.expect("it asked").now.requests
}

/// It asks once for every ten tokens that are there.
fn one_asks(story: &mut Story) {
    story.set_clock(story.now + HOUR_MS);
    for _ in 0..100 {
        ask(story, "one", 10);
    }
}

/// 900 are owed of 2,400 a day. An hour later, after 100 have come back, other numbers are written.
fn of_one_that_owes(each: &[&'static str], write: &Write) -> Story {
    let limits = rules(&[a_day("l0", 2_400, each)], [true; 3]);
    let mut story = one_was_there(&limits, |story| {
        use_up(story, "one", 3_300, None);
    });
    story.write(write.clone());
    one_asks(&mut story);
    story
}

/// Of 14,400 a day 1,200 come back in two hours: 300 are there then, whatever was in force for the second
/// one.
#[test]
fn other_numbers_begin_with_what_was_left_before_anybody_wrote_others() {
    for each in [vec!["client"], vec![]] {
        for write in [
            rules(&[a_day("l0", 24, &each)], [true; 3]),
            rules(&[a_day("l0", 9_999_999, &each)], [true; 3]),
            rules(&[], [true; 3]),
            rules(&[Spec { kind: Kind::Requests, ..a_day("l0", 5, &each) }], [true; 3]),
        ] {
            let story = of_one_that_owes(&each, &write);
            let supposed = Supposed::Limit(a_day("l0", 14_400, &each).to_limit(), None);
            assert_eq!(check(&story, &supposed), 70, "{each:?} {write:?}");
        }
    }
}

/// The same, of several writes one after another.
#[test]
fn other_numbers_begin_with_what_was_left_before_the_first_of_several_writes() {
    for each in [vec!["client"], vec![]] {
        let mut story = of_one_that_owes(&each, &rules(&[a_day("l0", 24, &each)], [true; 3]));
        let mut again = one_was_there(&rules(&[a_day("l0", 2_400, &each)], [true; 3]), |story| {
            use_up(story, "one", 3_300, None);
        });
        for write in [
            rules(&[a_day("l0", 24, &each)], [true; 3]),
            rules(&[], [true; 3]),
            rules(&[a_day("l0", 77, &each)], [true; 3]),
        ] {
            again.write(write);
        }
        one_asks(&mut again);
        let supposed = Supposed::Limit(a_day("l0", 14_400, &each).to_limit(), None);
        assert_eq!(check(&again, &supposed), 70, "{each:?}");
        // And once it has asked, it goes on as it is supposed to.
        story.write(rules(&[a_day("l0", 5, &each)], [true; 3]));
        one_asks(&mut story);
        check(&story, &supposed);
    }
}

/// A client's own limits: 900 tokens are owed of 100 a minute. Of 50 a minute none come back in time.
#[test]
fn a_client_begins_with_what_was_left_before_it_was_written_deleted_or_reset() {
    let writes = [
        vec![Write::Configured(config("one", None, limit(1_000_000)))],
        vec![Write::Removed("one".to_owned()), Write::Configured(config("one", None, limit(7)))],
        vec![Write::Reset("one".to_owned())],
    ];
    for writes in writes {
        let write = Write::Configured(config("one", None, limit(100)));
        let mut story = one_was_there(&write, |story| use_up(story, "one", 1_000, None));
        // It is back to what it owed before the hour.
        story.set_clock(story.now - HOUR_MS + 60_000);
        let is_reset = matches!(writes[0], Write::Reset(_));
        for write in writes {
            story.write(write);
        }
        story.set_clock(story.now + 60_000);
        for _ in 0..10 {
            ask(&mut story, "one", 10);
        }
        let supposed = Supposed::Client(config("one", None, limit(50)));
        assert_eq!(check(&story, &supposed), if is_reset { 5 } else { 10 });
        let clients = ["other", "two"].map(|id| config(id, None, None)).into_iter();
        let clients = clients.chain([config("one", None, limit(50))]).collect::<Vec<_>>();
        let supposed = Supposed::Everything {
            limits: Vec::new(),
            models: Models::default(),
            clients: clients.into(),
        };
        let preview = story.preview(&supposed);
        let one = preview.clients.iter().find(|client| client.client.as_str() == "one").unwrap();
        assert_eq!(one.now.requests, if is_reset { 5 } else { 10 });
    }
}

/// A client is supposed to be where a bucket is that others used up before, and nobody asked of since.
#[test]
fn a_client_that_is_supposed_to_be_elsewhere_finds_what_others_left_there() {
    let in_group = |id, group| Who { group: Some(group), ..Who::default() }.to_config(id);
    let limits = rules(&[a_day("l0", 2_400, &["group"])], [true; 3]);
    for writes in [vec![], vec![rules(&[], [true; 3]), limits.clone()]] {
        let mut story = one_was_there(&limits, |story| {
            story.write(Write::Configured(in_group("two", "a")));
            use_up(story, "two", 3_300, None);
        });
        for write in &writes {
            story.write(write.clone());
        }
        one_asks(&mut story);
        let preview = check(&story, &Supposed::Client(in_group("one", "a")));
        // 200 have come back of 900 that are owed, or the limit is another one.
        assert_eq!(preview, if writes.is_empty() { 100 } else { 0 });
    }
}

/// What a limit has for each model goes with the model, and stays where that is supposed to stay.
#[test]
fn a_model_that_is_supposed_to_stay_has_what_was_left_before_it_was_deleted() {
    for each in [vec!["client", "model"], vec!["model"]] {
        let limits = [a_day("l0", 2_400, &each)];
        let mut story = one_was_there(&rules(&limits, [true; 3]), |story| {
            use_up(story, "one", 3_300, Some("alpha"));
        });
        story.write(rules(&limits, [false; 3]));
        story.set_clock(story.now + HOUR_MS);
        for _ in 0..50 {
            ask_for(&mut story, "one", 10, Some("alpha"));
        }
        let clients = ["one", "two", "other"].map(|id| config(id, None, None)).to_vec();
        let supposed = Supposed::Everything {
            limits: vec![a_day("l0", 14_400, &each).to_limit()],
            models: models([true; 3]),
            clients: clients.into(),
        };
        let preview = story.preview(&supposed);
        let one = preview.clients.iter().find(|client| client.client.as_str() == "one").unwrap();
        assert_eq!(one.now.requests, 20, "{each:?}");
        story.check_repeated().unwrap();
    }
}

/// A bucket goes with the last client of its group, and a request that is under way has nothing of the one
/// that comes after it.
#[test]
fn what_is_held_of_a_groups_bucket_that_went_is_nobodys() {
    let in_group = |id, group| Who { group: Some(group), ..Who::default() }.to_config(id);
    for kept in [64, 1_000] {
        let mut story = Story::new(Given { has_always: false, ..given(kept) });
        let limits = rules(&[a_day("l0", 100, &["group"])], [true; 3]);
        story.write(limits.clone());
        story.write(Write::Configured(in_group("one", "a")));
        story.write(Write::Configured(in_group("two", "ab")));
        ask(&mut story, "one", 80);
        for _ in 0..70 {
            ask(&mut story, "two", 0);
        }
        story.write(Write::Configured(in_group("one", "a/b")));
        // Nobody is in the group any more when limits are written.
        story.write(limits);
        story.write(Write::Configured(in_group("one", "a")));
        ask(&mut story, "one", 60);
        story.step(&Step::End { which: 0, end: End::Canceled });
        ask(&mut story, "one", 60);
        let preview = story.check_repeated().unwrap();
        assert_eq!(
            preview.then.requests, 1,
            "the first request was given back to the second bucket"
        );
    }
}
