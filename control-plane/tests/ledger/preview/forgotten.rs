//! Who is forgotten meanwhile: strangers with buckets of their own, clients that were deleted, and those
//! whom a document leaves out.

use super::{
    super::world::{config, response},
    *,
};

/// As many strangers have buckets of their own.
const STRANGERS_MAX: u32 = 100_000;

/// As many deleted clients are remembered.
const RETIRED_MAX: u32 = 10_000;

fn each(kept: u64) -> Given {
    let unknown_clients = UnknownClients::Each { rpm: limit(2), tpm: limit(100) };
    let policy = Policy { unknown_clients, ..Policy::default() };
    Given { policy, kept, specs: Vec::new(), has_always: false }
}

fn denying(kept: u64) -> Given {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    Given { policy, ..each(kept) }
}

fn ask(story: &mut Story, client: &str, tokens: u64) {
    story.ask(0, client, Tokens::new(tokens).ok(), RequestKind::Generates, None);
}

fn end_oldest(story: &mut Story, used: u64) {
    let end = End::Settled(response(Tokens::new(used).ok()));
    story.step(&Step::End { which: 0, end });
}

/// What is asked between the first words of two strangers and their last ones.
fn strangers_come_back(kept: u64) {
    let mut story = Story::new(each(kept));
    for client in ["comes-back", "stays-away", "comes-back", "comes-back"] {
        ask(&mut story, client, 40);
    }
    for n in 0..STRANGERS_MAX + 100 {
        ask(&mut story, &format!("flood-{n}"), 1);
        // So that nobody holds more than is followed.
        if n >= 100 {
            story.step(&Step::End { which: 3, end: End::Lost });
        }
    }
    // Both are forgotten.
    end_oldest(&mut story, 90);
    end_oldest(&mut story, 90);
    for _ in 0..3 {
        ask(&mut story, "comes-back", 40);
    }
    end_oldest(&mut story, 0);
    ask(&mut story, "comes-back", 40);
    ask(&mut story, "comes-back", 40);
    let preview = story.check_repeated().unwrap();
    assert!(preview.then.requests >= 2, "{preview:?}");
}

#[test]
fn a_stranger_that_was_forgotten_and_comes_back_is_decided_as_it_was() {
    strangers_come_back(1_000_000);
    strangers_come_back(64);
}

#[test]
fn a_client_that_was_deleted_and_forgotten_has_nothing_of_what_it_held_before() {
    let mut story = Story::new(denying(100_000));
    let acme = || config("acme", limit(60), limit(100));
    story.write(Write::Configured(acme()));
    ask(&mut story, "acme", 100);
    story.write(Write::Removed("acme".to_owned()));
    for n in 0..=RETIRED_MAX {
        let id = format!("client-{n}");
        story.write(Write::Configured(config(&id, limit(60), None)));
        ask(&mut story, &id, 1);
        story.write(Write::Removed(id));
    }
    story.write(Write::Configured(acme()));
    ask(&mut story, "acme", 100);
    // The first one gives all back, to nobody.
    end_oldest(&mut story, 0);
    ask(&mut story, "acme", 100);
    let preview = story.check_repeated().unwrap();
    assert_eq!(preview.then.requests, 1);
}

/// A document without those who asked is not mixed up with them: what they hold is nobody's.
#[test]
fn what_clients_hold_whom_a_document_leaves_out_is_nobodys() {
    let mut given = denying(640);
    given.policy.unknown_clients =
        UnknownClients::Shared { rpm: limit(1_000_000), tpm: limit(50_000) };
    let mut story = Story::new(given);
    let ids: Vec<_> = (0..RETIRED_MAX + 2_000).map(|n| format!("client-{n}")).collect();
    for id in &ids {
        story.write(Write::Configured(config(id, limit(60), limit(100))));
        ask(&mut story, id, 1);
    }
    // That they asked is not kept any more, but how they end.
    for _ in 0..700 {
        ask(&mut story, "two", 0);
        story.step(&Step::End { which: ids.len(), end: End::Lost });
    }
    for _ in &ids {
        end_oldest(&mut story, 100);
    }
    for _ in 0..60 {
        ask(&mut story, "one", 1_000);
    }
    let clients = vec![config("two", None, None)].into();
    let limits = Vec::new();
    let supposed = Supposed::Everything { limits, models: Models::default(), clients };
    let preview = story.preview(&supposed);
    let refused = preview.then.requests + preview.newly_refused - preview.newly_admitted;
    assert_eq!(preview.now.requests, refused);
    // Each asks for a thousand of fifty thousand that all who are not configured have.
    let one = preview.clients.iter().find(|client| client.client.as_str() == "one").unwrap();
    assert_eq!((one.decisions, one.now.requests), (60, 10), "{one:?}");
    check_repeated(&story.ledger).unwrap();
}
