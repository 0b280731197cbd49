//! Whether the journal could be written now. Leaves nothing behind.

use super::{Store, StoreError};

impl Store {
    /// Begins to write, and takes it back.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|e| self.sql("write", e))?;
        let write = "INSERT INTO meta (key, json) VALUES ('probe', 'null') ON CONFLICT (key) DO NOTHING";
        self.execute(&mut transaction, sqlx::query(write)).await?;
        transaction.rollback().await.map_err(|e| self.sql("write", e))
    }
}
