from symsched.cli import main

main()
