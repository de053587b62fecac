//! Rows as values.

use std::error::Error;

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::name::AgentName;
use crate::registry::clock::moment;
use crate::registry::{AgentType, ClaimState, NameOwner, NameRecord, Scope, StoreError};

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds.
const EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`. Its infinities are refused; no statement here writes one.
struct Moment(OffsetDateTime);

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?).checked_add(EPOCH);
        Ok(Self(micros.and_then(moment).ok_or("no moment")?))
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::TIMESTAMPTZ
    }
}

/// The value in a column.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|_| StoreError::Corrupt)
}

pub(super) fn moment_at(row: &Row, column: usize) -> Result<OffsetDateTime, StoreError> {
    get::<Moment>(row, column).map(|moment| moment.0)
}

/// A row of the statements that show names.
pub(super) fn record(row: &Row) -> Result<NameRecord, StoreError> {
    Ok(NameRecord {
        scope: Scope::parse(get(row, 0)?).map_err(|_| StoreError::Corrupt)?,
        name: AgentName::parse(get(row, 1)?).map_err(|_| StoreError::Corrupt)?,
        agent_type: AgentType::parse(get(row, 2)?).map_err(|_| StoreError::Corrupt)?,
        owner: NameOwner::parse(get(row, 3)?).map_err(|_| StoreError::Corrupt)?,
        state: ClaimState::of(get(row, 4)?, get(row, 5)?),
        lease_until: moment_at(row, 6)?,
        free_at: moment_at(row, 7)?,
    })
}

#[cfg(test)]
mod tests {
    use tokio_postgres::types::{FromSql, Type};

    use super::Moment;

    #[test]
    fn moments_are_read_to_the_microsecond_and_infinities_are_not() {
        let read = |micros: i64| Moment::from_sql(&Type::TIMESTAMPTZ, &micros.to_be_bytes());
        let nanos = read(1).unwrap().0.unix_timestamp_nanos();
        assert_eq!(nanos, 946_684_800_000_001_000);
        assert!(read(i64::MAX).is_err());
        assert!(read(i64::MIN).is_err());
    }
}
