//! The bindings that wasmtime generates from the contract.

// Generated code follows its own rules.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "connectors:smtp/transport.outgoing": crate::policy::transport::PolicyOutgoing,
        "connectors:smtp/attachments.content": crate::attachments::Content,
    },
    trappable_error_type: {
        "connectors:smtp/types.failure" => crate::imports::Failed,
    },
    require_store_data_send: true,
});
