//! Durations as text, in the form that clients of OpenAI's API know.

/// `12ms`, `1.5s`, `6m0s`, `1h0m0s`: hours and minutes only from the first of them on.
pub(crate) fn duration(ms: u64) -> String {
    let (seconds, fraction) = (ms / 1_000, ms % 1_000);
    if seconds == 0 && fraction > 0 {
        return format!("{fraction}ms");
    }
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = match (hours, minutes) {
        (0, 0) => format!("{seconds}"),
        (0, _) => format!("{minutes}m{seconds}"),
        (_, _) => format!("{hours}h{minutes}m{seconds}"),
    };
    if fraction > 0 {
        text.push_str(format!(".{fraction:03}").trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_the_vendor_writes_them() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (12, "12ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_001, "1.001s"),
            (1_500, "1.5s"),
            (9_816, "9.816s"),
            (10_000, "10s"),
            (59_990, "59.99s"),
            (60_000, "1m0s"),
            (73_500, "1m13.5s"),
            (360_000, "6m0s"),
            (600_000, "10m0s"),
            (3_600_000, "1h0m0s"),
            (3_661_020, "1h1m1.02s"),
            (u64::MAX, "5124095576030h25m51.615s"),
        ] {
            assert_eq!(duration(ms), text, "{ms} ms");
        }
    }
}
