from services.notification.main import run

if __name__ == "__main__":
    run()
