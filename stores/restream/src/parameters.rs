//! Stage aggregations: values that the service works out for each stage, by definitions of its
//! callers.

use http::Method;
use serde::Serialize;
use serde_json::Value;
use syncline_store::Result;

use crate::client::Parameters;
use crate::objects::{Object, StageAggregation};
use crate::place::Wells;

impl Wells {
    /// The definitions.
    #[doc(alias = "get_stages_aggregations")]
    #[doc(alias = "get_stages_aggregations_descriptions")]
    pub async fn stage_aggregations(&self) -> Result<Vec<Object<StageAggregation>>> {
        let url = self.url(&["parameters"], &vec![])?;
        self.api().get(&url).await
    }

    /// One definition.
    #[doc(alias = "get_stages_aggregation")]
    pub async fn stage_aggregation(&self, id: u64) -> Result<Object<StageAggregation>> {
        let url = self.url(&["parameters", &id.to_string()], &vec![])?;
        self.api().get(&url).await
    }

    /// Makes new definitions: objects with `name`, `config` (`field`, `aggregation`, `conditions`)
    /// and `description`.
    #[doc(alias = "create_stages_aggregations")]
    #[doc(alias = "create_pad_parameters")]
    pub async fn create_stage_aggregations(
        &self,
        definitions: &[Value],
    ) -> Result<Vec<Object<StageAggregation>>> {
        let url = self.url(&["parameters"], &vec![])?;
        self.api().create(&url, &definitions).await
    }

    /// Whether definitions would be taken; nothing is made. The answer of the service.
    pub async fn validate_stage_aggregations(&self, definitions: &[Value]) -> Result<Value> {
        let only: Parameters = vec![("validate_only".to_owned(), "true".to_owned())];
        let url = self.url(&["parameters"], &only)?;
        self.api().send(Method::POST, &url, &definitions).await
    }

    /// Changes some members of a definition (`config`, `description`, `label`, `color`), or, if it is
    /// to be replaced, all of them.
    #[doc(alias = "update_stages_aggregation")]
    pub async fn change_stage_aggregation(
        &self,
        id: u64,
        members: &impl Serialize,
        replace: bool,
    ) -> Result<Object<StageAggregation>> {
        let url = self.url(&["parameters", &id.to_string()], &vec![])?;
        let method = if replace { Method::PUT } else { Method::PATCH };
        self.api().send(method, &url, members).await
    }

    /// Deletes a definition.
    #[doc(alias = "delete_stages_aggregation")]
    pub async fn delete_stage_aggregation(&self, id: u64) -> Result<()> {
        let url = self.url(&["parameters", &id.to_string()], &vec![])?;
        self.api().delete(&url).await
    }
}
