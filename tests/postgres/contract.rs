//! The contract, rule by rule.

use sts_agent_name::registry::conformance;

use crate::schema::Schema;

#[tokio::test]
async fn postgres_store_keeps_the_contract() {
    let schema = Schema::new().await;
    let (store, clock) = schema.store_with_clock().await;
    conformance::all(&store, &clock).await;
}
