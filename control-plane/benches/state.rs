//! What an entry of the journal costs, and a snapshot of a million clients.

use std::{path::Path, sync::Arc, thread, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use flowguard::store::{
    DataFolder,
    state::{
        self, BucketLevel, BucketName, BucketRecord, ChargeRecord, FolderDisk, OpenedKind,
        OpenedRecord, Record, StateError, StateFiles, Tallies, TalliesRecord,
    },
};
use limiter::UnixMillis;
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

const CLIENTS: u64 = 1_000_000;

fn folder(parent: &TempDir) -> Option<DataFolder> {
    DataFolder::open(parent.path()).ok()
}

fn files(folder: &DataFolder) -> Option<StateFiles> {
    let disk = Arc::new(FolderDisk::new(folder));
    StateFiles::open(disk, |_| ()).ok().map(|(files, _)| files)
}

fn bucket(bucket: BucketName<'_>, whole: i64) -> Record<'_> {
    let level = BucketLevel {
        amount: 1_000_000,
        burst: 1_000_000,
        window_s: 60,
        revision: 1,
        whole,
        rest: 31_234,
        refilled_at: NOW.0,
    };
    Record::Bucket(BucketRecord { bucket, epoch: 0, level: Some(level) })
}

fn tallies(client: &str) -> Record<'_> {
    let tallies = Tallies {
        admitted: 123_456,
        overcounted: 0,
        rpm_dropped: 1_234,
        tpm_dropped: 56,
        tokens_used: 987_654_321,
        last_request: NOW.0,
        durations: 123_456,
        durations_us: 123_456_789_012,
    };
    Record::Tallies(TalliesRecord { client, tallies })
}

fn opened(client: &str, id: u32) -> Record<'_> {
    let charge =
        |bucket, tokens| ChargeRecord { bucket, epoch: 0, tokens, burst: 1_000_000, revision: 1 };
    Record::Opened(OpenedRecord {
        worker: u128::MAX / 3,
        id,
        client,
        kind: OpenedKind::Generates,
        reserved: 600,
        charges: vec![charge(BucketName::Rpm(client), 1), charge(BucketName::Tpm(client), 600)],
    })
}

/// An admitted ask: both buckets, and what it holds.
fn append_asks(files: &StateFiles, asks: u32) {
    files.append(NOW, |entry| {
        for ask in 0..asks {
            let client = "client-0000001";
            entry.push(&bucket(BucketName::Rpm(client), 999_999));
            entry.push(&bucket(BucketName::Tpm(client), 765_432));
            entry.push(&opened(client, ask));
        }
    });
}

fn write_snapshot(files: &StateFiles, clients: &[String]) -> Result<(), StateError> {
    files.snapshot(
        || NOW,
        |writer| {
            for client in clients {
                writer.push(&bucket(BucketName::Rpm(client), 999_999));
                writer.push(&bucket(BucketName::Tpm(client), 765_432));
                writer.push(&tallies(client));
            }
        },
    )
}

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    for asks in [1, 16] {
        let parent = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).ok();
        let Some(files) = parent.as_ref().and_then(folder).as_ref().and_then(files) else { return };
        group.bench_function(format!("{asks} asks of 3 records"), |bencher| {
            bencher.iter(|| append_asks(&files, asks));
        });
    }
    group.finish();
}

fn snapshots(criterion: &mut Criterion) {
    let Ok(parent) = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")) else { return };
    let Some(folder) = folder(&parent) else { return };
    let Some(files) = files(&folder) else { return };
    let clients: Vec<_> = (0..CLIENTS).map(|client| format!("client-{client:07}")).collect();
    let mut group = criterion.benchmark_group("snapshot of a million clients");
    group.sample_size(10);
    group.bench_function("write", |bencher| {
        bencher.iter(|| write_snapshot(&files, &clients));
    });
    println!("{} bytes", length(folder.path()));
    let disk = FolderDisk::new(&folder);
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut tokens = 0;
            let found = state::read(&disk, |record| {
                if let Record::Bucket(BucketRecord { level: Some(level), .. }) = record {
                    tokens += level.whole;
                }
            });
            (found, tokens)
        });
    });
    group.finish();
}

/// Not a mean: what the slowest appends take while a snapshot is written and files are synced.
fn appends_beside_a_snapshot(_: &mut Criterion) {
    let Ok(parent) = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")) else { return };
    let Some(files) = folder(&parent).as_ref().and_then(files) else { return };
    let clients: Vec<_> = (0..CLIENTS).map(|client| format!("client-{client:07}")).collect();
    let mut taken = Vec::new();
    thread::scope(|scope| {
        let snapshot = scope.spawn(|| write_snapshot(&files, &clients));
        let files = &files;
        let syncs = scope.spawn(move || {
            while !snapshot.is_finished() {
                files.sync();
                thread::yield_now();
            }
        });
        while !syncs.is_finished() {
            let started = Instant::now();
            append_asks(files, 1);
            taken.push(started.elapsed());
            // As others do, who come with a frame.
            thread::yield_now();
        }
    });
    taken.sort_unstable();
    let at = |of_10_000: usize| {
        let index = taken.len() * of_10_000 / 10_000;
        taken.get(index).or(taken.last()).copied().unwrap_or_default()
    };
    println!(
        "{} appends beside a snapshot and syncs: p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
        taken.len(),
        at(5_000),
        at(9_900),
        at(9_990),
        at(10_000),
    );
}

fn length(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("state.snapshot")).map_or(0, |file| file.len())
}

criterion_group!(benches, appends, snapshots, appends_beside_a_snapshot);
criterion_main!(benches);
