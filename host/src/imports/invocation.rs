//! The `invocation` import: the current run.

use super::View;
use super::bindings::connectors::smtp::invocation::{Host, Run};

impl Host for View<'_> {
    async fn current(&mut self) -> wasmtime::Result<Run> {
        self.count_call()?;
        Ok(Run {
            id: self.run.id.clone(),
            started_at: self.run.started_at,
            dry_run: self.run.dry_run,
        })
    }
}
