"""The 25 rows of the security checklist (RELIABILITY.md 4.2), each with its proofs.

A proof is `file::test`, checked to exist. A row, or part of one, that is not for us says why.
"""

from __future__ import annotations

from billing.kernel.values import Value


class Row(Value):
    """A row: its demand, the tests that prove it, and the part of it that is not for us."""

    number: int
    asks: str
    proofs: tuple[str, ...]
    not_ours: str = ""


CHECKLIST = (
    Row(
        1,
        "Order IDs are drawn, not counted, and are identifiers, not secrets",
        (
            "tests/kernel/test_orders.py::test_an_order_id_is_three_groups_of_five_plain_symbols",
            "tests/checkout/test_checkout.py::test_the_answer_to_a_program_has_no_order_id",
            "tests/security/test_rows.py::test_row_01_order_ids_are_drawn_from_enough_chance",
        ),
    ),
    Row(
        2,
        "A mailed link is single use, short-lived, and pressed, not fetched",
        (
            "tests/portal/test_login.py"
            "::test_a_mailed_link_lets_in_once_and_only_when_its_button_is_pressed",
            "tests/portal/test_login.py"
            "::test_a_link_is_over_after_a_quarter_of_an_hour_and_is_not_mailed_without_end",
            "tests/accounts/test_console_session.py::test_tokens_are_kept_as_hashes_only",
        ),
        "A step-up after Order ID and email: SPEC B-2 lets the pair in; after guesses, a code (3).",
    ),
    Row(
        3,
        "Guesses are counted per Order ID, email and address",
        (
            "tests/portal/test_login.py"
            "::test_whom_strangers_tries_would_lock_out_enters_by_a_mailed_code",
            "tests/portal/test_login.py"
            "::test_each_limit_that_is_used_up_is_answered_by_a_mailed_code",
            "tests/storage/test_ephemeral.py::test_no_hit_of_concurrent_threads_is_lost",
        ),
    ),
    Row(
        4,
        "Whatever is wrong, the answer and the work are the same",
        (
            "tests/portal/test_login.py::test_whatever_is_wrong_the_answer_is_the_same",
            "tests/portal/test_login.py"
            "::test_the_same_is_read_and_written_for_strangers_and_for_customers",
            "tests/accounts/test_pages.py"
            "::test_whatever_is_wrong_the_answer_is_the_same_to_the_byte",
        ),
    ),
    Row(
        5,
        "Sessions are reference tokens that rotate, end, and are for this host only",
        (
            "tests/portal/test_login.py"
            "::test_a_session_ends_after_half_an_hour_without_use_and_twelve_hours_in_any_case",
            "tests/portal/test_login.py::test_a_session_is_renewed_at_login_and_ended_at_logout",
            "tests/accounts/test_console_session.py"
            "::test_the_cookie_is_for_this_host_only_and_hidden_from_scripts",
            "tests/accounts/test_pages.py::test_another_password_signs_everybody_out",
        ),
    ),
    Row(
        6,
        "A form needs its session's token and our own origin; a GET changes nothing",
        (
            "tests/portal/test_isolation.py::test_a_form_without_its_sessions_token_does_nothing",
            "tests/portal/test_isolation.py"
            "::test_a_form_from_another_site_does_nothing_even_with_the_token",
            "tests/accounts/test_console_session.py"
            "::test_the_button_pressed_from_another_site_does_not_sign_in",
        ),
    ),
    Row(
        7,
        "Every answer has the security headers",
        (
            "tests/web/test_request.py::test_every_answer_has_the_security_headers",
            "tests/security/test_rows.py::test_row_07_every_route_answers_with_the_headers",
            "tests/checkout/test_their_page.py::test_only_a_page_with_the_frame_may_load_it",
        ),
    ),
    Row(
        8,
        "Nobody sees or changes what is another's",
        (
            "tests/api/test_openapi.py::test_nobody_sees_what_is_another_merchants",
            "tests/api/test_openapi.py::test_nobody_changes_what_is_another_merchants",
            "tests/portal/test_isolation.py::test_the_matrix_has_every_route",
            "tests/portal/test_isolation.py::test_what_is_another_customers_is_not_found",
            "tests/helpdesk/test_isolation.py::test_agents_see_and_do_only_what_is_their_merchants",
            "tests/security/test_isolation.py::test_the_matrix_is_the_whole_house",
            "tests/security/test_isolation.py::test_nobody_learns_anything",
            "tests/security/test_isolation.py::test_a_program_of_another_account_finds_nothing",
            "tests/security/test_hosts.py"
            "::test_at_a_domain_there_is_nothing_of_the_house_and_nothing_of_another_merchant",
        ),
    ),
    Row(
        9,
        "API keys are hashed, scoped, revocable, and overlap while they are changed",
        (
            "tests/api/test_keys_and_settings.py::test_a_key_does_what_its_scopes_say",
            "tests/api/test_keys_and_settings.py::test_a_key_is_made_used_listed_and_revoked",
            "tests/api/test_keys_and_settings.py::test_a_key_cannot_give_more_than_it_has",
            "tests/api/test_idempotency.py"
            "::test_the_answer_that_is_kept_does_not_hold_the_secret_readable",
        ),
        "Expiry: a key lives until it is revoked, as at the gateways.",
    ),
    Row(
        10,
        "A webhook is verified on its raw bytes, bound to an account, recent, and read afresh",
        (
            "tests/gateway_events/test_webhooks.py::test_what_nobody_signed_is_a_400_and_changes_nothing",
            "tests/gateway_events/test_webhooks.py"
            "::test_a_body_is_verified_as_it_was_before_the_gateway_wrapped_it",
            "tests/gateway_events/test_webhooks.py::test_what_a_payload_says_of_the_payment_counts_for_nothing",
            "tests/gateways/stripe/test_events.py"
            "::test_a_signature_from_long_ago_or_from_the_future_is_refused",
            "tests/gateways/stripe/test_events.py"
            "::test_no_bytes_and_no_header_escape_as_another_error",
            "tests/gateways/paypal/test_events.py::test_what_paypal_did_not_sign_for_us_is_forged",
            "tests/security/test_rows.py::test_row_10_whatever_is_sent_as_an_event_is_refused",
        ),
    ),
    Row(
        11,
        "We fetch no address that a stranger names",
        ("tests/security/test_rows.py::test_row_11_only_gateways_are_asked_over_http",),
        "Webhooks out do not exist; the row applies whole on the day they do.",
    ),
    Row(
        12,
        "What would break the resolver is refused before it",
        (
            "tests/web/test_request.py"
            "::test_whatever_is_sent_gets_an_answer_and_never_an_error_of_ours",
            "tests/web/test_request.py::test_a_body_that_is_not_strict_json_is_400",
            "tests/web/test_request.py::test_a_body_over_the_limit_is_413",
            "tests/security/test_rows.py::test_row_12_any_bytes_to_any_route_are_never_our_error",
        ),
    ),
    Row(
        13,
        "Shapes are bounded and take no field that they do not name",
        (
            "tests/security/test_api_conformance.py"
            "::test_row_13_whatever_is_sent_is_answered_as_described",
            "tests/security/test_rows.py::test_row_13_every_shape_refuses_what_it_does_not_name",
        ),
    ),
    Row(
        14,
        "A merchant's template is no program, and no name makes a mail header",
        (
            "tests/render/test_mails.py::test_a_template_of_a_merchant_is_no_program",
            "tests/render/test_mails.py::test_a_template_cannot_grow_a_mail_without_end",
            "tests/render/test_mails.py::test_no_name_makes_a_header_of_its_own",
            "tests/render/test_pages.py::test_what_people_typed_is_escaped",
        ),
    ),
    Row(
        15,
        "Tickets are plain text",
        (
            "tests/helpdesk/test_inbound.py"
            "::test_only_plain_text_is_read_and_card_numbers_are_masked",
            "tests/console/test_pages.py::test_what_people_typed_is_shown_as_text",
        ),
        "Attachments are not taken.",
    ),
    Row(
        16,
        "Documents escape what people typed",
        ("tests/render/test_invoice_pdf.py::test_no_name_is_markup",),
        "There is no CSV export.",
    ),
    Row(
        17,
        "Compressed bodies are not read",
        ("tests/web/test_request.py::test_compressed_bodies_are_not_read",),
        "No XML and no archive is read anywhere.",
    ),
    Row(
        18,
        "No card number reaches us; one that is pasted is masked",
        (
            "tests/helpdesk/tickets/test_threads.py"
            "::test_a_card_number_is_masked_before_it_is_kept_and_the_sender_hears_of_it",
            "tests/kernel/test_card_numbers.py"
            "::test_no_card_number_is_left_whatever_digits_stand_around_it",
            "tests/render/test_checkout_pages.py"
            "::test_the_checkout_asks_for_email_name_address_and_payment_method_and_no_card_number",
            "tests/security/test_logs.py::test_row_22_nothing_of_a_person_is_logged",
        ),
    ),
    Row(
        19,
        "Cards are not tested at our checkout",
        ("tests/security/test_rows.py::test_row_19_a_tester_of_cards_is_stopped",),
        "A challenge and Radar's rules are the gateway's; its page is where cards are given.",
    ),
    Row(
        20,
        "Gateway keys are in the secret store, per account, kept five minutes, read anew",
        (
            "tests/aws/test_secret_store.py"
            "::test_keys_are_kept_for_five_minutes_and_read_afresh_when_asked",
            "tests/aws/test_secret_store.py::test_an_account_has_its_own_and_no_other",
            "tests/gateways/stripe/test_events.py::test_while_secrets_are_rotated_either_is_good",
            "tests/template/test_security.py::test_row_06_there_is_no_secret_in_the_template",
        ),
    ),
    Row(
        21,
        "One role per function, nothing that is not needed",
        (
            "tests/template/test_security.py"
            "::test_row_05_no_role_has_a_wildcard_or_a_policy_of_others",
            "tests/template/test_security.py::test_row_05_nothing_scans_a_table",
            "tests/template/test_security.py::test_row_05_the_audit_trail_is_put_into_and_read_only_by_what_shows_it",
            "tests/privileges/test_least_privilege.py"
            "::test_a_role_allows_what_its_function_calls_and_nothing_else",
        ),
        "dynamodb:LeadingKeys: a role serves all merchants; the key is made of the credential.",
    ),
    Row(
        22,
        "Logs hold declared fields and nothing of a person",
        (
            "tests/security/test_logs.py::test_row_22_nothing_of_a_person_is_logged",
            "tests/security/test_logs.py::test_row_22_every_field_of_a_line_is_declared",
            "tests/security/test_logs.py::"
            "test_row_22_who_signs_in_is_logged_and_that_somebody_could_not",
            "tests/security/test_logs.py::test_row_22_powertools_is_never_made_to_log_events",
            "tests/security/test_trail.py::test_what_cannot_be_written_down_is_not_done",
        ),
    ),
    Row(
        23,
        "A person can be forgotten, and the books stay",
        (
            "tests/accounts/test_lives.py::test_what_is_erased_and_what_stays",
            "tests/privacy/test_forms.py"
            "::test_a_form_is_erased_a_month_on_with_its_card_and_its_key_answers_as_before",
        ),
        "Crypto-shredding: erased fields are overwritten; backups expire with their window.",
    ),
    Row(
        24,
        "The edge is throttled, logs no path, takes TLS 1.2 or newer",
        (
            "tests/template/test_security.py"
            "::test_row_07_the_api_is_throttled_and_logs_no_path_and_no_query",
            "tests/template/test_security.py"
            "::test_row_07_a_domain_of_ones_own_takes_tls_1_2_or_newer",
            "tests/template/test_security.py"
            "::test_row_07_no_firewall_is_claimed_that_an_http_api_cannot_have",
        ),
        "Usage plans and request models are of REST APIs; ours is an HTTP API.",
    ),
    Row(
        25,
        "What we depend on is pinned by hash, and asked about",
        (
            "tests/test_architecture.py"
            "::test_a_requirement_file_has_versions_and_hashes_and_no_addresses",
            "tests/test_architecture.py::test_the_layer_and_the_laptop_have_the_same_versions",
            "tests/security/test_audit.py::test_row_25_what_was_not_checked_is_no_success",
        ),
        "Signed artefacts and an SBOM are for whoever distributes; we deploy from source.",
    ),
)
