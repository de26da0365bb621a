//! Components that exhaust memory.

use smtp_connector_host::{FailureCode, Invocation};

use super::guest::Guest;
use super::{stopped_at_limit, strict_host};

#[tokio::test]
async fn endless_memory_growth_ends_the_run() {
    let guest = Guest::invoking(
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
    );
    stopped_at_limit(&guest, "memory").await;
}

#[tokio::test]
async fn a_huge_initial_memory_is_refused() {
    let host = strict_host();
    let guest = Guest::returning("{}").memory("65536");
    // A static size may be refused when the component loads, before it runs.
    match smtp_connector_host::Connector::from_bytes(&host, &guest.encode()) {
        Err(error) => assert_eq!(error.code(), FailureCode::Internal, "{error}"),
        Ok(connector) => {
            let error = connector.invoke(Invocation::send_mail("{}")).await.expect_err("too much");
            assert_eq!(error.code(), FailureCode::Limit, "{error:?}");
        }
    }
}

#[tokio::test]
async fn all_memories_of_a_component_count_together() {
    let memories = "(memory 100) (memory 100) (memory 100)";
    stopped_at_limit(&Guest::returning("{}").part(memories), "memory").await;
}

#[tokio::test]
async fn endless_table_growth_ends_the_run() {
    let guest = Guest::invoking(
        "(drop (table.grow $t (ref.null func) (i32.const 1000000000))) unreachable",
    )
    .part("(table $t 1 funcref)");
    stopped_at_limit(&guest, "tables").await;
}

#[tokio::test]
async fn a_huge_initial_table_is_refused() {
    stopped_at_limit(&Guest::returning("{}").part("(table 5000000 funcref)"), "tables").await;
}
