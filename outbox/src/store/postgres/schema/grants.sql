-- What the group roles may do. Run by each migration: new tables need it too.
GRANT USAGE ON SCHEMA smtp_connector TO smtp_connector_worker, smtp_connector_enqueue;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA smtp_connector TO smtp_connector_worker;
REVOKE INSERT, UPDATE, DELETE ON smtp_connector.migration FROM smtp_connector_worker;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA smtp_connector TO smtp_connector_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA smtp_connector TO smtp_connector_worker, smtp_connector_enqueue;
