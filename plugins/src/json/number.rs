//! Decimal numbers as exact integers.

/// The text of a JSON number times ten to the power of `places`, as an exact integer, halves rounded up.
///
/// Vendors state costs as floats with up to 17 digits (`0.0004970133333333333`, `1e-05`); they are read as text.
/// `None` for a negative number, for what is no number, and for what does not fit.
#[must_use]
pub fn decimal_half_up(number: &str, places: u32) -> Option<i128> {
    let (digits, exponent) = match number.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // How many of the digits stand before the point once the number is scaled.
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(places);
    let mut digits = whole.bytes().chain(fraction.bytes());
    let mut scaled: i128 = 0;
    for place in 0..point.max(0) {
        let Some(digit) = digits.next() else {
            let zeros = u32::try_from(point - place).ok()?;
            return if scaled == 0 { Some(0) } else { scaled.checked_mul(10_i128.checked_pow(zeros)?) };
        };
        scaled = scaled.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    // Digits left of the first one are zeros, so a negative `point` never rounds up.
    let half = point >= 0 && digits.next().is_some_and(|digit| digit >= b'5');
    Some(if half { scaled.checked_add(1)? } else { scaled })
}
