//! "Did you mean": the nearest of some known words.

use alloc::vec::Vec;

/// The candidate nearest to `word` by edit distance, where it is near enough to be a slip of the pen:
/// at most a third of the letters of the longer one, case ignored. The first among equals.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= letters.max(candidate.chars().count()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours; ASCII case ignored.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (row, letter) in left.chars().map(|letter| letter.to_ascii_lowercase()).enumerate() {
        let mut current = Vec::with_capacity(above.len());
        current.push(row + 1);
        for (column, other) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, column) + usize::from(letter != *other))
                .min(at(&above, column + 1) + 1)
                .min(at(&current, column) + 1);
            let before = column.checked_sub(1);
            let swapped = last == Some(*other) && before.and_then(|index| right.get(index)) == Some(&letter);
            if let (true, Some(index)) = (swapped, before) {
                best = best.min(at(&older, index) + 1);
            }
            current.push(best);
        }
        older = above;
        above = current;
        last = Some(letter);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_a_stranger_finds_none() {
        let words = ["listeners", "limits", "routes", "timezone"];
        assert_eq!(nearest("limts", words), Some("limits"));
        assert_eq!(nearest("ruotes", words), Some("routes"));
        assert_eq!(nearest("Timezone", words), Some("timezone"));
        assert_eq!(nearest("budget", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest("2", ["1"]), None);
        assert_eq!(nearest("dya", ["day"]), Some("day"));
    }
}
