//! How to run the job that was recommended: a command here, a request body for SageMaker.

use serde_json::json;

use crate::record::Choice;

/// What a reader puts names of their own in the place of.
pub(in crate::report) const JOB_PLACEHOLDERS: [&str; 4] =
    ["JOB-NAME", "MODEL-NAME", "s3://BUCKET/INPUT/", "s3://BUCKET/OUTPUT/"];

/// SageMaker's limit of MaxConcurrentTransforms times MaxPayloadInMB.
const MAX_IN_FLIGHT_MB: usize = 100;

/// How to run a choice.
#[derive(Debug)]
pub(in crate::report) struct Job {
    /// The words of `plimsoll transform` for one of the machines; none for a device that it does
    /// not work on.
    pub(in crate::report) command: Option<Vec<String>>,
    /// The body of CreateTransformJob; none for a machine that SageMaker does not have.
    pub(in crate::report) body: Option<String>,
}

/// The command and the request of a choice.
pub(in crate::report) fn job(choice: &Choice) -> Job {
    let [_, _, input, output] = JOB_PLACEHOLDERS;
    let of_sagemaker = choice.machine_type.starts_with("ml.");
    let command = (choice.device == "cpu").then(|| {
        let mut words = ["plimsoll", "transform", "--input", input, "--output", output]
            .map(String::from)
            .to_vec();
        let mut flag = |name: &str, value: String| words.extend([name.into(), value]);
        flag("--backend", choice.backend.clone());
        flag("--instance-count", choice.instances.to_string());
        flag("--max-batch", choice.batch.to_string());
        if of_sagemaker {
            flag("--instance-type", choice.machine_type.clone());
        }
        words
    });
    Job { command, body: of_sagemaker.then(|| body(choice)) }
}

/// One picture an object: every object is a request, so that a batch fills from the requests that
/// are under way together.
fn body(choice: &Choice) -> String {
    let [job, model, input, output] = JOB_PLACEHOLDERS;
    let wanted = choice.batch.saturating_mul(choice.instances);
    let body = json!({
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": wanted.clamp(1, MAX_IN_FLIGHT_MB),
        "MaxPayloadInMB": 1,
        "ModelName": model,
        "TransformInput": {
            "ContentType": "application/x-image",
            "DataSource": { "S3DataSource": { "S3DataType": "S3Prefix", "S3Uri": input } },
            "SplitType": "None",
        },
        "TransformJobName": job,
        "TransformOutput": {
            "Accept": "application/json",
            "AssembleWith": "None",
            "S3OutputPath": output,
        },
        "TransformResources": {
            "InstanceCount": choice.machines,
            "InstanceType": choice.machine_type,
        },
    });
    format!("{body:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_command_says_how_one_machine_is_loaded_and_a_body_how_many_there_are() {
        let advice = fixture::advice();
        let on_cpu = advice.choices.iter().find(|choice| choice.device == "cpu");
        let choice = on_cpu.unwrap();
        let Job { command, body } = job(choice);
        let command = command.unwrap().join(" ");
        assert!(command.starts_with("plimsoll transform --input s3://BUCKET/INPUT/ "), "{command}");
        assert!(command.contains(&format!("--max-batch {}", choice.batch)), "{command}");
        let body: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
        assert_eq!(body["TransformResources"]["InstanceCount"], choice.machines);
        assert_eq!(body["TransformResources"]["InstanceType"], choice.machine_type);
    }

    #[test]
    fn a_machine_that_sagemaker_does_not_have_has_no_body_and_a_gpu_no_command() {
        let advice = fixture::advice();
        let mut choice = advice.choices[0].clone();
        choice.machine_type = "this machine".into();
        choice.device = "cpu".into();
        let here = job(&choice);
        assert!(here.body.is_none());
        assert!(!here.command.unwrap().iter().any(|word| word == "--instance-type"));
        choice.device = "cuda:0".into();
        assert!(job(&choice).command.is_none());
    }
}
