//! Reports about expired runs. A report is a run too, so it is as durable as the mail that it is about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NewRun;
use crate::run::RunId;
use crate::timestamp::Timestamp;

/// The action of a report. No component runs for it.
pub(crate) const REPORT: &str = "delivery-report";

/// How to report runs that expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reports {
    /// The account that sends the reports.
    pub(crate) account: String,
    /// How long a report is tried.
    pub(crate) lifetime: Duration,
}

/// The input of a report.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ReportInput {
    /// The run that expired.
    pub(crate) run: String,
}

impl Reports {
    /// Returns the report about a run, unless the run is a report itself.
    pub(super) fn about(&self, run: &RunId, action: &str, now: Timestamp) -> Option<NewRun> {
        let input = ReportInput { run: run.as_str().to_owned() };
        let report = NewRun {
            id: RunId::from(uuid::Uuid::new_v4().to_string()),
            account: self.account.clone(),
            action: REPORT.to_owned(),
            key: None,
            hash: None,
            input: serde_json::to_string(&input).expect("a text is JSON"),
            keywords: None,
            captured: None,
            started_at: u64::try_from(now.as_millis() / 1000).unwrap_or(0),
            is_held: false,
            created_at: now,
            next_try: now,
            expires_at: now.after(self.lifetime),
        };
        (action != REPORT).then_some(report)
    }
}
