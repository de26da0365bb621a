//! `outbox migrate`: makes or upgrades the schema of an outbox in PostgreSQL.

use serde_json::json;
use smtp_connector_outbox::Outbox;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::queue::ChosenOutbox;
use super::super::stop::{Outcome, Stop};

pub(super) async fn run(context: &Context<'_>, outbox: &ChosenOutbox) -> Outcome {
    let Some(url) = outbox.url()? else {
        return Err(Stop::UsageWithHint(
            "only an outbox in PostgreSQL is migrated by hand".to_owned(),
            "name its database: --outbox postgres://user@host/database".to_owned(),
        ));
    };
    let migrated = Outbox::migrate(url).await?;
    context.output.document(&json!({
        "from": migrated.from, "to": migrated.to, "hasRoles": migrated.has_roles,
    }))?;
    context.output.say(match migrated.from {
        0 => format!("made the outbox, version {}", migrated.to),
        from if from == migrated.to => format!("the outbox has version {from} already"),
        from => format!("upgraded the outbox from version {from} to {}", migrated.to),
    })?;
    if !migrated.has_roles {
        context.output.warn(
            "this role may not create roles, so the group roles smtp_connector_worker and smtp_connector_enqueue are \
             missing; create them and migrate again, or grant each worker its rights: see docs/outbox.md",
        );
    }
    Ok(Exit::Done)
}
