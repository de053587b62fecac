//! Moments as people write them: `2026-01-01T00:00:00Z`, or `20260101T000000Z` as in `X-Amz-Date`.

use thiserror::Error;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// What leaves room for a day before and after.
const YEARS: core::ops::RangeInclusive<i32> = 1970..=9998;

pub(crate) fn parse(text: &str) -> Result<OffsetDateTime, InvalidMoment> {
    let digits: Vec<u8> = match text.as_bytes() {
        [a @ .., b'Z'] if a.len() == 15 && a.get(8) == Some(&b'T') => a.to_vec(),
        [a @ .., b'Z'] if a.len() == 19 => {
            let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
            if separators.iter().any(|&(at, want)| a.get(at) != Some(&want)) {
                return Err(InvalidMoment);
            }
            a.iter().copied().filter(|b| !b"-:".contains(b)).collect()
        }
        _ => return Err(InvalidMoment),
    };
    let [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2] = digits[..] else {
        return Err(InvalidMoment);
    };
    let two = |tens: u8, ones: u8| -> Result<u8, InvalidMoment> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0').ok_or(InvalidMoment);
        Ok(digit(tens)? * 10 + digit(ones)?)
    };
    let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
    let month = Month::try_from(two(m1, m2)?).map_err(|_| InvalidMoment)?;
    let date = Date::from_calendar_date(year, month, two(d1, d2)?).map_err(|_| InvalidMoment)?;
    let time = Time::from_hms(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?).map_err(|_| InvalidMoment)?;
    if YEARS.contains(&year) {
        Ok(PrimitiveDateTime::new(date, time).assume_utc())
    } else {
        Err(InvalidMoment)
    }
}

pub(crate) fn format(moment: OffsetDateTime) -> String {
    let utc = moment.to_utc();
    let (date, time) = (utc.date(), utc.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[expect(clippy::disallowed_methods, reason = "the command's one clock")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The text is not a moment.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a moment of the form 2026-01-01T00:00:00Z or 20260101T000000Z")]
pub(crate) struct InvalidMoment;
