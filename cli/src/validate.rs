//! `validate`: lists everything that is wrong with an input.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::input::{Empty, Files, Input, Prepared};
use super::stop::{Outcome, Stop};
use super::text;
use smtp_connector_host::{Findings, Issue};

/// List everything that is wrong with an input, without connecting
#[derive(Args, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    input: Input,
}

impl Validate {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = self.input.account(context)?;
        let (findings, hint) =
            match self.input.prepare(context, account.as_deref(), Empty::Warned, Files::Uploads) {
                Ok(Prepared { invocation, warnings, origin }) => {
                    let host = context.host(context.accounts())?;
                    let connector = context.connector(&host)?;
                    let found = connector.validate(invocation).await;
                    let mut findings = found.map_err(|error| context.explain(error))?;
                    findings.warnings.extend(warnings);
                    origin.name_options(&mut findings.issues);
                    origin.name_options(&mut findings.warnings);
                    let hint = origin.hint(&findings.issues).map(str::to_owned);
                    (findings, hint)
                }
                // An input that is not text is reported like any other invalid input.
                Err(Stop::Failed(error)) if !error.issues().is_empty() => {
                    let findings =
                        Findings { issues: error.issues().to_vec(), warnings: Vec::new() };
                    (findings, error.hint().map(str::to_owned))
                }
                Err(stop) => return Err(stop),
            };
        report(context, &findings, hint.as_deref())
    }
}

fn report(context: &Context<'_>, findings: &Findings, hint: Option<&str>) -> Outcome {
    let output = context.output;
    let list = |issues: &[Issue]| issues.iter().map(Issue::to_json).collect::<Vec<_>>();
    output.document(&json!({
        "valid": findings.is_valid(),
        "issues": list(&findings.issues),
        "warnings": list(&findings.warnings),
    }))?;
    for issue in &findings.issues {
        output.say(format_args!("{} [{}]", text::issue(issue), issue.code))?;
    }
    if let Some(hint) = hint {
        output.note(format_args!("hint: {hint}"));
    }
    if !output.is_json() {
        output.warn_of(&findings.warnings);
    }
    if !findings.is_valid() {
        return Ok(Exit::Data);
    }
    output.say("valid")?;
    Ok(Exit::Done)
}
