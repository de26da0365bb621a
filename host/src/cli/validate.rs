//! `validate`: says everything that is wrong with an input.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::input::Input;
use super::{Outcome, Stop};
use crate::{Findings, Issue};

/// Say everything that is wrong with an input, connecting to nothing.
#[derive(Args, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    input: Input,
}

impl Validate {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let findings = match self.input.invocation(context) {
            Ok(invocation) => {
                let host = context.host(context.accounts())?;
                let connector = context.connector(&host)?;
                connector.validate(invocation).await.map_err(|error| context.explain(error))?
            }
            // What is not even text is an input like any other that is wrong.
            Err(Stop::Failed(error)) if !error.issues().is_empty() => {
                Findings { issues: error.issues().to_vec(), warnings: Vec::new() }
            }
            Err(stop) => return Err(stop),
        };
        report(context, &findings)
    }
}

fn report(context: &Context<'_>, findings: &Findings) -> Outcome {
    let output = context.output;
    let list = |issues: &[Issue]| issues.iter().map(Issue::to_json).collect::<Vec<_>>();
    output.document(&json!({
        "valid": findings.is_valid(),
        "issues": list(&findings.issues),
        "warnings": list(&findings.warnings),
    }))?;
    for issue in &findings.issues {
        output.say(format_args!("{}: {} [{}]", issue.path, issue.message, issue.code))?;
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
