from services.booking.main import run

run()
