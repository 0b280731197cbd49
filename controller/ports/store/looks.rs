//! The plan of the last look, so that `status` and `approve` speak of what the controller saw. One row, overwritten.

use super::{Store, StoreError};
use crate::model::Plan;
use std::borrow::Cow;

impl Store {
    /// Keeps the plan of a look in place of the last one.
    pub async fn keep_plan(&self, plan: &Plan) -> Result<(), StoreError> {
        // What is to be remembered has been written by now.
        let plan: Cow<'_, Plan> = if plan.remember.is_empty() {
            Cow::Borrowed(plan)
        } else {
            Cow::Owned(Plan { remember: Vec::new(), ..plan.clone() })
        };
        let text = self.json("a plan", plan.as_ref())?;
        sqlx::query("INSERT INTO looks (id, plan) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET plan = excluded.plan")
            .bind(text)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(|e| self.sql("keep the plan", e))
    }

    /// The plan of the last look; none before the first.
    pub async fn last_plan(&self) -> Result<Option<Plan>, StoreError> {
        let text: Option<String> = sqlx::query_scalar("SELECT plan FROM looks WHERE id = 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql("read the last plan", e))?;
        text.map(|text| serde_json::from_str(&text).map_err(|e| self.odd("looks", "1", &e.to_string()))).transpose()
    }
}
