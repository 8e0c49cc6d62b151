//! The ring of what is kept: how much it has, and what stands when it wraps and when a process begins.

use flowguard::store::state::{StateFiles, simulated::MemoryDisk};
use proptest::collection::vec;

use super::{
    super::{together::steps::step, world::config},
    *,
};

fn simple(kept: u64) -> Given {
    let unknown_clients = UnknownClients::Deny;
    let policy = Policy { unknown_clients, ..Policy::default() };
    Given { policy, kept, specs: Vec::new(), has_always: false }
}

#[test]
fn as_many_are_kept_as_was_said_or_a_sixty_fourth_more() {
    for kept in [1, 2, 3, 63, 64, 65, 100, 127, 1_000, 5_000] {
        let mut story = Story::new(simple(kept));
        for asked in 1..=3 * kept + 200 {
            story.ask(0, "one", Tokens::new(1).ok(), RequestKind::Reads, None);
            story.set_clock(story.now + 17);
            if asked % 3 == 0 {
                story.step(&Step::End { which: 0, end: End::Lost });
            }
            if asked % 40 == 0 {
                let decisions = story.check_repeated().unwrap().decisions;
                let least = kept.min(asked);
                assert!(
                    (least..least + kept.div_ceil(64)).contains(&decisions),
                    "{decisions} of {kept} after {asked}"
                );
            }
        }
    }
}

#[test]
fn a_wait_of_thousands_of_years_is_told_again() {
    let mut story = Story::new(simple(100));
    let most = limit(1_000_000_000_000);
    story.write(Write::Configured(config("one", None, most)));
    let ask = |story: &mut Story, tokens| {
        story.ask(0, "one", Tokens::new(tokens).ok(), RequestKind::Generates, None);
    };
    for _ in 0..10 {
        ask(&mut story, 0);
        let response = super::super::world::response(Tokens::new(1_000_000_000_000).ok());
        story.step(&Step::End { which: 0, end: End::Settled(response) });
    }
    story.write(Write::Configured(config("one", None, limit(1))));
    ask(&mut story, 1);
    let preview = story.check_repeated().unwrap();
    // A minute for each token that is owed.
    assert!(preview.then.longest_wait_ms > 60_000 * 1_000_000_000_000 / 2, "{preview:?}");
}

/// A story that goes on in another process, which begins with an empty ring and with all that was open.
struct Restarted {
    story: Story,
    disk: MemoryDisk,
    files: Arc<StateFiles>,
}

impl Restarted {
    fn new(given: Given) -> Self {
        let mut story = Story::new(given);
        let disk = MemoryDisk::new();
        let files = begin(&mut story, &disk);
        Self { story, disk, files }
    }

    fn restart(&mut self) {
        let Self { story, disk, files } = self;
        story.ledger.commit();
        disk.kill();
        story.begins =
            story.ledger.configs_after(None, 1_000).into_iter().map(Write::Configured).collect();
        story.begins.push(Write::Rules(story.ledger.limits(), story.ledger.models()));
        story.first = story.asked.len();
        *files = begin(story, disk);
    }
}

fn begin(story: &mut Story, disk: &MemoryDisk) -> Arc<StateFiles> {
    let kept = DecisionsKept { max: story.given.kept };
    story.ledger = Ledger::new(story.given.policy, story.clock.clone()).keeping(kept);
    story.begins.iter().for_each(|write| assert!(write.put(&story.ledger)));
    let disk = Arc::new(disk.clone());
    let (files, found) =
        StateFiles::open(disk, |record| story.ledger.restore(&record)).expect("it is in order");
    let files = Arc::new(files);
    story.ledger.go_on(found.last, Arc::clone(&files));
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn after_a_restart_every_verdict_is_repeated_whatever_was_open_before(
        given in given(any::<bool>()),
        steps in vec(step(), 100..300),
    ) {
        let mut restarted = Restarted::new(given);
        for some in steps.chunks(40) {
            restarted.story.do_all(some);
            restarted.story.check_repeated()?;
            restarted.restart();
        }
        restarted.files.sync();
    }
}
