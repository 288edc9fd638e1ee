//! Figures as people read them.

const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];

/// A number of bytes, in the unit that keeps it below 1024.
pub(super) fn bytes(count: f64) -> String {
    let (mut count, mut unit) = (count.max(0.0), 0);
    while count >= 1024.0 && unit + 1 < UNITS.len() {
        (count, unit) = (count / 1024.0, unit + 1);
    }
    let digits = usize::from(unit > 0 && count < 100.0);
    format!("{count:.digits$} {}", UNITS[unit])
}

/// Seconds, as milliseconds where there is less than one.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        ..1.0 => format!("{:.0} ms", seconds * 1000.0),
        ..10.0 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(160.0 * 1048576.0), "160 MiB");
        assert_eq!(bytes(5e15), "4656613 GiB");
        assert_eq!(time(0.0801), "80 ms");
        assert_eq!(time(7.772), "7.8 s");
        assert_eq!(time(75.2), "75 s");
    }
}
