cmd_demo() { :; }
