//! Dates as Signature Version 4 writes them: `YYYYMMDDThhmmssZ`.

use time::{Date, Month, OffsetDateTime, Time};

/// Reads a date; `None` unless it is one of the calendar in exactly this form.
pub(super) fn parse_amz_date(text: &str) -> Option<OffsetDateTime> {
    let (day, clock) = text.strip_suffix('Z')?.split_once('T')?;
    if day.len() != 8 || clock.len() != 6 {
        return None;
    }
    let (year, month, day) = (number(day.get(..4)?)?, number(day.get(4..6)?)?, number(day.get(6..)?)?);
    let (hour, minute, second) =
        (number(clock.get(..2)?)?, number(clock.get(2..4)?)?, number(clock.get(4..)?)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let time =
        Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?);
    Some(OffsetDateTime::new_utc(date, time.ok()?))
}

/// Writes a date.
pub(in crate::testing) fn amz_date(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn number(digits: &str) -> Option<u16> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{amz_date, parse_amz_date};

    #[test]
    fn a_date_comes_back_as_written() {
        for text in ["20260101T000000Z", "20240229T235959Z"] {
            assert_eq!(parse_amz_date(text).map(amz_date).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_bad_date_is_refused() {
        for text in [
            "",
            "20260101T000000",
            "20260101 000000Z",
            "20260230T000000Z",
            "20260101T240000Z",
            "20260101T000060Z",
            "2026010١T00000Z",
            "+2260101T000000Z",
            "20260101T0000000Z",
            "2026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_amz_date(text), None, "{text:?}");
        }
    }
}
