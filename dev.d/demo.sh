# `./dev demo`: one person's way through the API, each step with the real request and the real answer.

STATUS= ANSWER= TOKEN= STEP_UP= CODE=

cmd_demo() {
  local email password='correct-Horse-battery-9-staple' secret card payment
  lock up
  bring_up
  announce
  email=ada.$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')@example.com

  chapter 'A new person registers, confirms the address, and logs in'
  call POST /api/v1/auth/register "$(jq -n --arg email "$email" --arg password "$password" \
    '{email: $email, password: $password, first_name: "Ada", last_name: "Lovelace"}')"
  expect 202 '.success'
  mailed "$email" 'Confirm your e-mail address'
  call POST /api/v1/auth/verify-email "$(jq -n --arg token "$CODE" '{token: $token}')"
  expect 200 '.success'
  call POST /api/v1/auth/login "$(jq -n --arg email "$email" --arg password "$password" \
    '{email: $email, password: $password, device_id: "ada-phone"}')"
  expect 200 '.success and (.token | length > 100)'
  TOKEN=$(jq -r .token <<<"$ANSWER")

  chapter 'Identity: documents go in, and an outside provider decides'
  call POST /api/v1/kyc/submit '{"document_type": "passport", "document_number": "X1234567",
    "date_of_birth": "1990-12-10", "country": "GB"}'
  expect 20. '.success'
  until_true /api/v1/kyc/status '.kyc_status == "approved"'

  chapter 'A second factor: an authenticator app'
  call POST /api/v2/me/totp '{}'
  expect 200 '.otpauth_url | startswith("otpauth://totp/")'
  secret=$(jq -r .secret <<<"$ANSWER")
  # A code counts once, and those of the step before and after are accepted too: so nobody has to wait here.
  call POST /api/v2/me/totp/confirm "$(jq -n --arg code "$(totp "$secret" -1)" '{code: $code}')"
  expect 200 '.recovery_codes | length == 10'

  chapter 'A virtual card, made by an outside issuer; asking for one takes a second proof'
  step_up '{"operation": "card_request"}' "$(totp "$secret" 0)"
  call POST /api/v1/cards/request '{"card_type": "virtual_visa", "currency": "USD"}'
  STEP_UP=
  expect 20. '.success and (.card.card_id | length > 0)'
  card=$(jq -r .card.card_id <<<"$ANSWER")
  until_true "/api/v1/cards/$card" '.card.status == "active"'

  chapter 'A payment'
  call POST /api/v1/payments/process "$(jq -n --arg card "$card" '{card_id: $card, amount: 99.99, currency: "USD",
    merchant: "example-merchant.com", merchant_category: "electronics"}')"
  expect 20. '.success and .transaction.amount == 99.99'
  payment=$(jq -r .transaction.transaction_id <<<"$ANSWER")
  until_true "/api/v1/transactions/$payment" '.transaction.status == "success"'

  chapter 'A large payment takes a second proof, linked to this amount and this payee'
  step_up "$(jq -n --arg card "$card" '{operation: "payment", payment: {card_id: $card, merchant: "example-merchant.com",
    amount: {minor_units: 99900, currency: "USD"}}}')" "$(totp "$secret" 1)"
  call POST /api/v1/payments/process "$(jq -n --arg card "$card" '{card_id: $card, amount: 999, currency: "USD",
    merchant: "example-merchant.com", merchant_category: "electronics"}')"
  expect 20. '.success and .transaction.amount == 999'
  STEP_UP=

  chapter 'What the person sees of it'
  until_true /api/v1/transactions ".transactions | any(.transaction_id == \"$payment\")"
  until_true /api/v1/notifications \
    ".notifications | any(.type == \"transaction_success\" and .data.transaction_id == \"$payment\")"
  call GET "/api/v2/payments/$payment"
  expect 200 .

  chapter 'The same payment inside: events in PostgreSQL, messages in JetStream, read model in Redis'
  say "$ virtual-cards trace $payment"
  # At its usual level the log of the program would come between.
  attend env VC_LOG=warn "$BIN/virtual-cards" trace "$payment"

  say
  say "${GREEN}${BOLD}Done.${PLAIN} The system stays up: try $(url api)/api/v1/docs; ./dev down stops it."
  ON_EXIT=
}

chapter() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }

# call METHOD PATH [BODY]: prints the request and the answer; sets STATUS and ANSWER.
call() {
  printf '\n%s> %s %s%s\n' "$BLUE" "$1" "$2" "$PLAIN"
  [[ -z ${3:-} ]] || show "$3"
  send "$@"
  printf '%s< %s%s\n' "$BLUE" "$STATUS" "$PLAIN"
  show "$ANSWER"
}

# totp SECRET OFFSET: what the app shows, OFFSET steps of 30 seconds from now.
totp() { VC_LOG=warn "$BIN/virtual-cards" dev totp "$1" --offset "$2"; }

# step_up OPERATION CODE: proves who sits there, for one request; sets STEP_UP.
step_up() {
  call POST /api/v2/auth/step-up "$1"
  expect 200 '.factors | index("totp")'
  call POST /api/v2/auth/step-up/complete "$(jq -n --argjson begun "$ANSWER" --arg code "$2" \
    '{ticket: $begun.ticket, totp: $code}')"
  expect 200 .step_up_token
  STEP_UP=$(jq -r .step_up_token <<<"$ANSWER")
}

# Tokens and body come by descriptors, since arguments can be read in the process list.
send() {
  local arguments=(-sS -m 30 -X "$1" -w '\n%{http_code}' -H 'Accept: application/json')
  [[ -z ${3:-} ]] || arguments+=(-H 'Content-Type: application/json' --data-binary @-)
  ANSWER=$(curl "${arguments[@]}" -H @<(headers) "$(url api)$2" \
    <<<"${3:-}") || die "$1 $2 got no answer; see ./dev logs api"
  STATUS=${ANSWER##*$'\n'} ANSWER=${ANSWER%$'\n'*}
}

headers() { printf '%s\n' ${TOKEN:+"Authorization: Bearer $TOKEN"} ${STEP_UP:+"X-Step-Up-Token: $STEP_UP"}; }

# mailed ADDRESS SUBJECT: waits for the letter, prints it, and sets CODE to the code that stands in it. The sandbox keeps
# all mailboxes.
mailed() {
  local end=$((SECONDS + 30)) letter=''
  while ((SECONDS < end)); do
    letter=$(curl -sS -m 5 "$(url sandbox)/mail/v1/messages?to=$1" |
      jq -r --arg subject "$2" '[.messages[] | select(.subject == $subject)] | last | .text // empty')
    [[ -z $letter ]] || break
    sleep 0.2
  done
  [[ -n $letter ]] || die "no letter '$2' has arrived; see ./dev logs worker"
  CODE=$(grep -Ex '[A-Za-z0-9_-]{43}' <<<"$letter" | head -n 1)
  printf '\n%sA letter arrives: %s%s\n' "$BLUE" "$2" "$PLAIN"
  sed "s/$CODE/${CODE:0:8}…/g; s/^/    /" <<<"$letter"
}

# Pretty, with tokens cut short: their bytes say nothing to a reader, and a terminal's history is no place for them.
show() {
  local colour=-M
  [[ -z $BOLD ]] || colour=-C
  jq "$colour" '(.. | objects | (.token, .refresh_token, .ticket, .step_up_token) | strings) |= .[:16] + "…"' \
    <<<"$1" 2>/dev/null |
    sed 's/^/    /' || sed 's/^/    /' <<<"$1"
}

# expect STATUS CONDITION: of the last answer; STATUS may be a pattern.
expect() {
  [[ $STATUS =~ ^$1$ ]] || die "expected status $1, not $STATUS; see ./dev logs api"
  jq -e "$2" <<<"$ANSWER" >/dev/null 2>&1 || die "the answer is not as expected: $2"
}

# until_true PATH CONDITION: asks again until the condition holds, for 30 seconds at most; prints the last answer.
until_true() {
  local end=$((SECONDS + 30)) asked=1 times=''
  send GET "$1"
  while ! { [[ $STATUS == 200 ]] && jq -e "$2" <<<"$ANSWER" >/dev/null 2>&1; } && ((SECONDS < end)); do
    # A person may ask a hundred times a minute.
    sleep 0.5
    send GET "$1"
    asked=$((asked + 1))
  done
  ((asked == 1)) || times=" $DIM(asked $asked times)$PLAIN"
  printf '\n%s> GET %s%s%s\n%s< %s%s\n' "$BLUE" "$1" "$PLAIN" "$times" "$BLUE" "$STATUS" "$PLAIN"
  show "$ANSWER"
  expect 200 "$2"
}
