//! `outbox show`: shows a run.

use clap::Args;
use serde_json::json;
use smtp_connector_outbox::{Error, Outbox, Run, RunId};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::{Outcome, Stop};
use super::list::to_the_second;

/// Show a mail: its state, its recipients and the result of the last attempt
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Id of the mail
    id: String,
    /// Print the input too, which holds the mail's text
    #[arg(long)]
    input: bool,
}

impl Show {
    pub(super) async fn run(&self, context: &Context<'_>, outbox: &Outbox) -> Outcome {
        let id = RunId::from(self.id.as_str());
        let run = outbox.status(&id).await?.ok_or_else(|| Error::no_such_run(&id))?;
        let input = match self.input {
            true => outbox.input(&id).await?.map(|(input, _)| input),
            false => None,
        };
        let mut document = json!(run);
        if let Some(input) = &input {
            // It was accepted as text, so it may not be JSON.
            document["input"] = serde_json::from_str(input).unwrap_or_else(|_| json!(input));
        }
        context.output.document(&document)?;
        tell(context, &run)?;
        if let Some(input) = input {
            context.output.title("Input")?;
            context.output.say(input)?;
        }
        Ok(Exit::Done)
    }
}

fn tell(context: &Context<'_>, run: &Run) -> Result<(), Stop> {
    let output = context.output;
    output.say(format_args!("{} is {}", run.id, run.state))?;
    output.say(format_args!("  account   {}", run.account))?;
    if let Some(key) = &run.key {
        output.say(format_args!("  key       {key}"))?;
    }
    output.say(format_args!("  queued    {}", to_the_second(&run.created_at.to_string())))?;
    output.say(format_args!("  changed   {}", to_the_second(&run.updated_at.to_string())))?;
    output.say(format_args!("  attempts  {}", run.attempts))?;
    if !run.state.is_final() {
        output.say(format_args!("  next try  {}", to_the_second(&run.next_try.to_string())))?;
        output.say(format_args!("  expires   {}", to_the_second(&run.expires_at.to_string())))?;
    }
    for one in &run.recipients {
        let code = one.code.map_or(String::new(), |code| format!(": {code}"));
        let reply = one.reply.as_deref().unwrap_or_default().replace('\n', " ");
        output.say(format_args!("  {:<8}  {}{code} {reply}", one.state, one.address))?;
    }
    let Some(result) = &run.result else { return Ok(()) };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let error = &result["error"];
    if error.is_object() {
        output.say(format_args!("  error     {}", text(&error["message"])))?;
        output.say(format_args!("  hint      {}", text(&error["hint"])))
    } else {
        output.say(format_args!(
            "  server    {} {}",
            result["responseCode"],
            text(&result["response"])
        ))?;
        output.say(format_args!("  message   {}", text(&result["messageId"])))
    }
}
