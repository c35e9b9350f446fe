//! Records for tests.

use serde_json::json;

use super::JobRecord;
use crate::transform::request::{CreateTransformJob, Local};

/// A job over pictures, which this process has just begun.
pub(crate) fn record(name: &str) -> JobRecord {
    let request = json!({
        "TransformJobName": name,
        "ModelName": "mnist",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
            "ContentType": "application/x-image",
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        "Tags": [{"Key": "team", "Value": "digits"}],
    });
    let request = CreateTransformJob::parse(request.to_string().as_bytes()).unwrap();
    JobRecord::new(request, Local::default(), vec![])
}
