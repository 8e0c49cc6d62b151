//! gRPC as a foreign client does it: `buf curl`, which learns the service by reflection.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::deadline::soon;
use crate::tools;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcError {
    /// The code's name, in lower case: `invalid_argument`.
    pub code: String,
    /// The text.
    pub message: String,
}

/// A client of one gRPC server.
#[derive(Clone, Copy, Debug)]
pub struct GrpcClient {
    server: SocketAddr,
    reflection: Reflection,
}

/// The version of the reflection service to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reflection {
    /// `grpc.reflection.v1`.
    V1,
    /// `grpc.reflection.v1alpha`.
    V1Alpha,
}

impl GrpcClient {
    /// A client that uses reflection v1.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, reflection: Reflection::V1 }
    }

    /// The same client with another version of reflection.
    #[must_use]
    pub fn with_reflection(self, reflection: Reflection) -> Self {
        Self { reflection, ..self }
    }

    /// Calls `package.Service/Method`.
    pub async fn call(&self, method: &str, request: &Value) -> Result<Value, GrpcError> {
        let output = self
            .run(&["--emit-defaults", "--data", &request.to_string()], &format!("/{method}"))
            .await;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).expect("an answer is JSON"));
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let error: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("buf curl {method}: {text}"));
        Err(GrpcError {
            code: error["code"].as_str().unwrap_or_default().to_owned(),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// The names of all services, by reflection.
    pub async fn services(&self) -> Vec<String> {
        let output = self.run(&["--list-services"], "").await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    async fn run(&self, arguments: &[&str], path: &str) -> std::process::Output {
        let mut command = tools::buf();
        tools::clean_environment(&mut command);
        command.args([
            "curl",
            "--protocol",
            "grpc",
            "--http2-prior-knowledge",
            "--reflect-protocol",
        ]);
        command.arg(match self.reflection {
            Reflection::V1 => "grpc-v1",
            Reflection::V1Alpha => "grpc-v1alpha",
        });
        command.args(arguments).arg(format!("http://{}{path}", self.server)).stdin(Stdio::null());
        let output = soon("buf curl", Command::from(command).kill_on_drop(true).output()).await;
        output.unwrap_or_else(|error| panic!("can't run buf: {error}"))
    }
}
