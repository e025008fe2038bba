# The published documents, tried out from outside: schemathesis makes requests from them, right and wrong, and compares
# the answers with what they promise.

cmd_contract() {
  ensure_rust
  ensure_schemathesis
  private_set contract
  prepare dev stage
  attend "$BIN/stage" "$ROOT/tests/schemathesis/run" "$TOOL/bin/schemathesis" "$@"
  wipe_set
}

# A Python environment of its own, with exactly the packages that the list names. Made anew when the list has changed.
ensure_schemathesis() {
  local list=$ROOT/tests/schemathesis/requirements.txt
  TOOL=$STATE/tools/schemathesis
  if cmp -s "$list" "$TOOL/installed.txt" && [[ -x $TOOL/bin/schemathesis ]]; then return; fi
  ensure python3-venv
  say 'installing schemathesis'
  rm -rf "$TOOL"
  attend python3 -m venv "$TOOL"
  attend "$TOOL/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$list"
  cp "$list" "$TOOL/installed.txt"
}
