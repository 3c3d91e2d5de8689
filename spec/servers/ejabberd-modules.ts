/**
 * The modules that ejabberd 23.01 has loaded by the time it is ready: `[M || {M, F} <- code:all_loaded(), is_list(F)]`, less what
 * Erlang starts with. Loaded one by one, as each is called first, they take a third more of the processor until ejabberd is ready: each
 * loading copies the tables of all the others. A name that another version does not have is passed over.
 */
const modules = `
  'OTP-PUB-KEY' 'PKCS-FRAME' acl alarm_handler asn1rt_nif auth base64 beam_a beam_asm beam_block beam_call_types
  beam_clean beam_dict beam_flatten beam_jump beam_kernel_to_ssa beam_opcodes beam_ssa beam_ssa_bc_size beam_ssa_bool
  beam_ssa_bsm beam_ssa_codegen beam_ssa_dead beam_ssa_opt beam_ssa_pre_codegen beam_ssa_recv beam_ssa_share
  beam_ssa_throw beam_ssa_type beam_trim beam_types beam_utils beam_validator beam_z cache_tab_app cache_tab_sup
  calendar cerl cerl_clauses cerl_trees compile core_lib crypto crypto_ec_curves dets dets_server dets_sup dets_utils
  dets_v9 digraph digraph_utils disk_log disk_log_1 disk_log_server disk_log_sup dtls_connection_sup dtls_listener_sup
  dtls_server_session_cache_sup dtls_server_sup dtls_sup econf eimp eimp_app eimp_limit eimp_sup eimp_worker ejabberd
  ejabberd_access_permissions ejabberd_acme ejabberd_admin ejabberd_app ejabberd_auth ejabberd_auth_anonymous
  ejabberd_auth_mnesia ejabberd_backend_sup ejabberd_batch ejabberd_c2s ejabberd_captcha ejabberd_cluster
  ejabberd_cluster_mnesia ejabberd_commands ejabberd_config ejabberd_config_transformer ejabberd_ctl ejabberd_db_sup
  ejabberd_hooks ejabberd_http ejabberd_http_ws ejabberd_iq ejabberd_listener ejabberd_local ejabberd_logger
  ejabberd_mnesia ejabberd_oauth ejabberd_oauth_mnesia ejabberd_option ejabberd_options ejabberd_pkix ejabberd_router
  ejabberd_router_mnesia ejabberd_router_multicast ejabberd_s2s ejabberd_s2s_in ejabberd_s2s_out ejabberd_shaper
  ejabberd_sm ejabberd_sm_mnesia ejabberd_sql ejabberd_sql_sup ejabberd_sup ejabberd_system_monitor ejabberd_systemd
  ejabberd_tmp_sup epp erl_bifs erl_bits erl_expand_records erl_posix_msg ets_cache ets_cache_options eval_bits
  ext_mod ezlib ezlib_app ezlib_sup fast_tls fast_xml fast_yaml fast_yaml_app fast_yaml_sup file_sorter filelib
  fxml_sup gen_iq_handler gen_mod gen_statem gen_tcp httpc httpc_cookie httpc_handler_sup httpc_manager
  httpc_profile_sup httpc_sup httpd_sup idna idna_bidi idna_data idna_table idna_ucs inet_tcp inets inets_app
  inets_sup inets_trace io io_lib_format io_lib_pretty jid jiffy jose jose_app jose_chacha20_poly1305_crypto
  jose_crypto_compat jose_curve25519_crypto jose_curve448_crypto jose_jwa_curve25519 jose_jwa_curve448
  jose_jwa_ed25519 jose_jwa_ed448 jose_jwa_math jose_jwa_pkcs7 jose_jwa_sha3 jose_server jose_sha3 jose_sup
  jose_xchacha20_poly1305_crypto memsup misc mnesia mnesia_app mnesia_backup mnesia_bup mnesia_checkpoint
  mnesia_checkpoint_sup mnesia_controller mnesia_dumper mnesia_event mnesia_ext_sup mnesia_frag mnesia_index
  mnesia_kernel_sup mnesia_late_loader mnesia_lib mnesia_loader mnesia_locker mnesia_log mnesia_monitor mnesia_recover
  mnesia_rpc mnesia_schema mnesia_snmp_hook mnesia_sp mnesia_subscr mnesia_sup mnesia_tm mod_blocking mod_bosh
  mod_bosh_mnesia mod_caps mod_caps_mnesia mod_caps_opt mod_carboncopy mod_client_state mod_client_state_opt mod_disco
  mod_disco_opt mod_host_meta mod_last mod_last_mnesia mod_last_opt mod_mam mod_mam_mnesia mod_mam_opt mod_muc
  mod_muc_mnesia mod_muc_opt mod_muc_room mod_muc_sup mod_offline mod_offline_mnesia mod_offline_opt mod_ping
  mod_ping_opt mod_privacy mod_privacy_mnesia mod_privacy_opt mod_private mod_private_mnesia mod_private_opt
  mod_pubsub mod_pubsub_mnesia mod_pubsub_opt mod_register mod_roster mod_roster_mnesia mod_roster_opt mod_stream_mgmt
  mod_stream_mgmt_opt mod_vcard mod_vcard_mnesia mod_vcard_opt mod_version node_flat node_pep nodetree_tree os_mon
  p1_file_queue p1_nif_utils p1_options p1_queue p1_rand p1_utils p1_utils_sup pg pkix pkix_app pkix_sup pubkey_cert
  pubkey_cert_records pubkey_pem public_key pubsub_index raw_file_io_delayed raw_file_io_list re release_handler sasl
  scram sets sofs ssl_admin_sup ssl_app ssl_client_session_cache_db ssl_config ssl_connection_sup
  ssl_listen_tracker_sup ssl_logger ssl_manager ssl_pem_cache ssl_pkix_db ssl_server_session_cache_sup ssl_sup
  ssl_upgrade_server_session_cache_sup str stringprep stringprep_app stringprep_sup sys_core_alias sys_core_bsm
  sys_core_fold timer tls_client_ticket_store tls_connection_sup tls_server_session_ticket_sup tls_server_sup tls_sup
  translate treap unicode_util_compat v3_core v3_kernel xmpp xmpp_config xmpp_lang xmpp_sup xmpp_tr xmpp_uri yconf
`;

/** An Erlang expression that loads them at once. */
export const loadingOfModules = `code:ensure_modules_loaded([${modules.trim().split(/\s+/).join(', ')}]).`;
