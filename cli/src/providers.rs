//! `providers`: lists the built-in providers.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::stop::Outcome;
use smtp_connector_host::accounts::Preset;

/// List the providers with built-in settings
#[derive(Args, Debug)]
pub(crate) struct Providers {}

impl Providers {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let listed: Vec<_> = Preset::all()
            .iter()
            .map(|preset| {
                json!({
                    "id": preset.id, "title": preset.title, "host": preset.host, "port": preset.port,
                    "security": preset.security.to_string(), "hint": preset.hint,
                })
            })
            .collect();
        context.output.document(&json!({ "providers": listed }))?;
        for preset in Preset::all() {
            let server = format!("{}:{}", preset.host, preset.port);
            context.output.say(format_args!("{:<24}{server:<48}{}", preset.id, preset.security))?;
            context.output.say(format_args!("{:<24}{}", "", preset.hint))?;
        }
        Ok(Exit::Done)
    }
}
