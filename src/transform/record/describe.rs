//! A record in the shape of the API's answers.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::job::{JobRecord, Status};
use super::time::Time;
use crate::transform::request::Draft;

/// What the answers for real jobs fill in where the request has nothing.
const DEFAULTS: [(&str, &str); 7] = [
    ("TransformInput.CompressionType", "None"),
    ("TransformInput.SplitType", "None"),
    ("TransformOutput.AssembleWith", "None"),
    ("TransformOutput.KmsKeyId", ""),
    ("DataProcessing.InputFilter", "$"),
    ("DataProcessing.JoinSource", "None"),
    ("DataProcessing.OutputFilter", "$"),
];

/// A job's ARN. Jobs that run here belong to no account and no region, and their ARNs say so.
fn arn(name: &str) -> String {
    format!("arn:aws:sagemaker:local:000000000000:transform-job/{name}")
}

/// The answer of DescribeTransformJob.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description<'a> {
    transform_job_name: &'a str,
    transform_job_arn: String,
    transform_job_status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    model_name: &'a str,
    #[serde(flatten)]
    request: Map<String, Value>,
    creation_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform_start_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform_end_time: Option<Time>,
}

/// An entry of ListTransformJobs' answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry<'a> {
    transform_job_name: &'a str,
    transform_job_arn: String,
    creation_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform_end_time: Option<Time>,
    last_modified_time: Time,
    transform_job_status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
}

impl JobRecord {
    /// The answer that DescribeTransformJob gives: the request less its tags, with the defaults
    /// that it fills in (as answers for real jobs have them), and with the status and the times in
    /// seconds since 1970. The ARN is
    /// `arn:aws:sagemaker:local:000000000000:transform-job/NAME`.
    pub fn describe(&self) -> Description<'_> {
        let mut request = Draft::from(&self.request);
        for (path, value) in DEFAULTS {
            request.set_missing(path, value);
        }
        request.set_missing("Environment", json!({}));
        let mut request = request.map().clone();
        // These two stand further up, and tags are not in the answer.
        for name in ["TransformJobName", "ModelName", "Tags"] {
            request.remove(name);
        }
        Description {
            transform_job_name: self.name(),
            transform_job_arn: arn(self.name()),
            transform_job_status: self.status,
            failure_reason: self.failure_reason.as_deref(),
            model_name: &self.request.model_name,
            request,
            creation_time: self.creation_time,
            transform_start_time: self.start_time,
            transform_end_time: self.end_time,
        }
    }

    /// The job's entry in the answer of ListTransformJobs.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            transform_job_name: self.name(),
            transform_job_arn: arn(self.name()),
            creation_time: self.creation_time,
            transform_end_time: self.end_time,
            last_modified_time: self.modified_time,
            transform_job_status: self.status,
            failure_reason: self.failure_reason.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::record::fixture;

    #[test]
    fn a_job_is_described_as_the_api_describes_one() {
        let mut record = fixture::record("digits");
        record.creation_time = Time::from_millis(1_574_382_372_600);
        record.start_time = Some(Time::from_millis(1_574_382_590_900));
        record.end_time = Some(Time::from_millis(1_574_382_702_700));
        record.status = Status::Completed;
        let expected = json!({
            "TransformJobName": "digits",
            "TransformJobArn": "arn:aws:sagemaker:local:000000000000:transform-job/digits",
            "TransformJobStatus": "Completed",
            "ModelName": "mnist",
            "Environment": {},
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
                "ContentType": "application/x-image",
                "CompressionType": "None",
                "SplitType": "None",
            },
            "TransformOutput": {
                "S3OutputPath": "s3://b/out", "AssembleWith": "None", "KmsKeyId": "",
            },
            "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
            "CreationTime": 1_574_382_372.6,
            "TransformStartTime": 1_574_382_590.9,
            "TransformEndTime": 1_574_382_702.7,
            "DataProcessing": {"InputFilter": "$", "JoinSource": "None", "OutputFilter": "$"},
        });
        assert_eq!(serde_json::to_value(record.describe()).unwrap(), expected);
    }

    #[test]
    fn what_was_given_is_kept_and_what_never_was_is_left_out() {
        let mut record = fixture::record("digits");
        record.request.max_payload_in_mb = Some(1);
        record.request.transform_output.kms_key_id = Some("alias/a".into());
        record.end(Status::Failed, Some("all of it"));
        let described = serde_json::to_value(record.describe()).unwrap();
        assert_eq!(described["MaxPayloadInMB"], 1);
        assert_eq!(described["TransformOutput"]["KmsKeyId"], "alias/a");
        assert_eq!(described["FailureReason"], "all of it");
        for name in ["TransformStartTime", "BatchStrategy", "MaxConcurrentTransforms", "Tags"] {
            assert_eq!(described.get(name), None, "{name}");
        }
    }

    #[test]
    fn an_entry_of_the_list_has_the_apis_fields() {
        let mut record = fixture::record("digits");
        record.creation_time = Time::from_millis(1_000);
        record.modified_time = Time::from_millis(2_000);
        let expected = json!({
            "TransformJobName": "digits",
            "TransformJobArn": "arn:aws:sagemaker:local:000000000000:transform-job/digits",
            "CreationTime": 1.0,
            "LastModifiedTime": 2.0,
            "TransformJobStatus": "InProgress",
        });
        assert_eq!(serde_json::to_value(record.entry()).unwrap(), expected);
    }
}
